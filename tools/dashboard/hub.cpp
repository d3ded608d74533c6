#include "tools/dashboard/hub.h"

#include <chrono>
#include <map>

#include "tools/dashboard/session.h"

namespace miniray::dashboard {

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string event(const std::string& name, const std::string& data) {
  return "event: " + name + "\ndata: " + data + "\n\n";
}

Message make_message(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

void Hub::update_watched() {
  std::set<std::string> all;
  for (const auto& stream : streams) all.insert(stream->watched().begin(), stream->watched().end());
  const std::lock_guard lock(watched_mutex);
  watched = std::move(all);
}

// One message for all who watch the same: most do.
void Hub::publish(const RunStore::Changes& changes) {
  std::map<std::set<std::string>, Message> messages;
  const auto message_for = [&](const std::set<std::string>& ids) {
    Message& message = messages[ids];
    if (message) return message;
    std::string text = changes.runs.empty() ? "" : event("runs", changes.runs);
    for (const std::string& id : ids) {
      const auto news = changes.appended.find(id);
      if (news != changes.appended.end()) text += event("append", news->second);
    }
    return message = make_message(std::move(text));
  };
  const auto listeners = streams;  // a slow one leaves meanwhile
  for (const auto& stream : listeners) {
    const Message message = message_for(stream->watched());
    if (!message->empty()) stream->send(message);
  }
}

void Hub::send_to_all(const Message& message) {
  const auto listeners = streams;
  for (const auto& stream : listeners) stream->send(message);
}

}  // namespace miniray::dashboard
