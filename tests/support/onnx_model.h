// A model.onnx as far as tests of one operator need it: its nodes with their attributes, and the
// tensors that it brings along (onnx.proto3: ModelProto.graph = 7; GraphProto.node = 1,
// initializer = 5, input = 11; NodeProto.input = 1, op_type = 4, attribute = 5;
// AttributeProto.name = 1, f = 2, i = 3, s = 4, ints = 8).
#pragma once

#include <algorithm>
#include <map>

#include "support/onnx_tensor.h"

namespace miniray::testing {

struct OnnxAttribute {
  float number = 0;
  std::string text;
  std::vector<std::int64_t> ints;
};

struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs;
  std::map<std::string, OnnxAttribute> attributes;

  // The attribute, or what it is where it is absent.
  std::vector<std::int64_t> ints(const std::string& name, std::vector<std::int64_t> absent) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? absent : found->second.ints;
  }
  std::int64_t integer(const std::string& name, std::int64_t absent) const {
    return ints(name, {absent}).front();
  }
  float number(const std::string& name, float absent) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? absent : found->second.number;
  }
  std::string text(const std::string& name, const std::string& absent) const {
    const auto found = attributes.find(name);
    return found == attributes.end() ? absent : found->second.text;
  }
};

struct OnnxModel {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> tensors;
  std::vector<std::string> inputs;  // of the graph; may name tensors too
};

// Calls take(field, wire type, reader) for every field, which must read it or return false.
template <class Take>
void for_each_onnx_field(std::string_view bytes, Take take) {
  for (WireReader reader(bytes); !reader.at_end();) {
    const std::uint64_t key = reader.varint();
    if (!take(key >> 3, key & 7, reader)) reader.skip(key & 7);
  }
}

inline std::pair<std::string, OnnxAttribute> parse_onnx_attribute(std::string_view bytes) {
  std::string name;
  OnnxAttribute value;
  for_each_onnx_field(bytes, [&](std::uint64_t field, std::uint64_t wire_type, WireReader& reader) {
    switch (field) {
      case 1:
        name = reader.bytes();
        return true;
      case 2:
        value.number = reader.number();
        return true;
      case 4:
        value.text = reader.bytes();
        return true;
      case 3:
      case 8:
        read_numbers(reader, wire_type, [&](std::int64_t n) { value.ints.push_back(n); });
        return true;
      default:
        return false;
    }
  });
  return {name, value};
}

inline OnnxNode parse_onnx_node(std::string_view bytes) {
  OnnxNode node;
  for_each_onnx_field(bytes, [&](std::uint64_t field, std::uint64_t, WireReader& reader) {
    switch (field) {
      case 1:
        node.inputs.emplace_back(reader.bytes());
        return true;
      case 4:
        node.op = reader.bytes();
        return true;
      case 5:
        node.attributes.insert(parse_onnx_attribute(reader.bytes()));
        return true;
      default:
        return false;
    }
  });
  return node;
}

// The first field of a message, a text: a ValueInfoProto's name.
inline std::string parse_onnx_name(std::string_view bytes) {
  std::string name;
  for_each_onnx_field(bytes, [&](std::uint64_t field, std::uint64_t, WireReader& reader) {
    if (field != 1) return false;
    name = reader.bytes();
    return true;
  });
  return name;
}

inline OnnxModel read_onnx_model(const std::filesystem::path& path) {
  const std::string bytes = read_bytes(path);
  OnnxModel model;
  const auto take_graph = [&](std::uint64_t field, std::uint64_t, WireReader& reader) {
    if (field == 1) model.nodes.push_back(parse_onnx_node(reader.bytes()));
    if (field == 5) model.tensors.push_back(parse_onnx_tensor(reader.bytes()));
    if (field == 11) model.inputs.push_back(parse_onnx_name(reader.bytes()));
    return field == 1 || field == 5 || field == 11;
  };
  for_each_onnx_field(bytes, [&](std::uint64_t field, std::uint64_t, WireReader& reader) {
    if (field == 7) for_each_onnx_field(reader.bytes(), take_graph);
    return field == 7;
  });
  return model;
}

}  // namespace miniray::testing
