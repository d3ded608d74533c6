"""The Inception-v3 of the FID, made of torchvision's: what the network that TensorFlow trained in 2015 does
otherwise. Needs python3-torchvision.

Means at the branches' ends leave zeros outside of the picture out of their count; the last block takes the
maximum there instead; 1008 classes; no auxiliary classifier; pictures of [0, 1] are resized to 299 pixels a
side and spread to [-1, 1].
"""
import warnings
import zlib
from types import MethodType

import numpy
import torch
from torch.nn import functional as F

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from torchvision.models import inception_v3
    from torchvision.models import inception as blocks

SIDE, FEATURES, CLASSES = 299, 2048, 1008
torchs_mean = F.avg_pool2d


def mean_pool(x):
    return torchs_mean(x, 3, stride=1, padding=1, count_include_pad=False)


def max_pool(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


def patch(block, pool):
    """Makes a block call `pool` where torchvision's calls avg_pool2d, the only function of that name in it."""
    original = type(block)._forward

    def forward(self, x):
        previous = blocks.F.avg_pool2d
        blocks.F.avg_pool2d = lambda x, **_: pool(x)
        try:
            return original(self, x)
        finally:
            blocks.F.avg_pool2d = previous
    block._forward = MethodType(forward, block)


def fid_inception():
    """The network, in evaluation mode; its weights are random."""
    network = inception_v3(weights=None, num_classes=CLASSES, aux_logits=False, init_weights=False)
    for name, block in network.named_children():
        if isinstance(block, (blocks.InceptionA, blocks.InceptionC, blocks.InceptionE)):
            patch(block, max_pool if name == 'Mixed_7c' else mean_pool)
    network.fc.register_forward_pre_hook(keep_features)
    return network.eval()


def keep_features(layer, inputs):
    layer.features = inputs[0].detach().clone()


def resized(pictures, side=(SIDE, SIDE)):
    """What the network takes, of uint8 [N, H, W, 3]."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    return 2 * F.interpolate(x, size=side, mode='bilinear', align_corners=False) - 1


def vectors(network, pictures):
    """Features and logits of pictures, uint8 [N, H, W, 3]."""
    with torch.no_grad():
        logits = network(resized(pictures))
    return network.fc.features.numpy(), logits.numpy()


def uniform(name, count):
    """Numbers of [0, 1) that anybody can make: integers of 24 bits, by the tensor's name and the element."""
    x = numpy.arange(count, dtype=numpy.uint64) * 2654435761 + zlib.crc32(name.encode())
    x &= 0xffffffff
    x ^= x >> 15
    x = x * 2246822519 & 0xffffffff
    x ^= x >> 13
    return (x >> 8).astype(numpy.float64) / 2**24


def set_known_weights(network):
    """Weights by `uniform`, of a size that keeps activations near one."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith('num_batches_tracked'):
                continue
            u = uniform(name, tensor.numel())
            if tensor.dim() > 1:
                values = (u - 0.5) * 2 * (6 / tensor[0].numel()) ** 0.5
            elif name.endswith(('bn.weight', 'running_var')):
                values = u + 0.5
            else:
                values = (u - 0.5) / 4
            tensor.copy_(torch.from_numpy(values.astype(numpy.float32)).reshape(tensor.shape))


def known_pictures(count, height, width):
    """Bytes by `uniform`, smoothed by the picture's size alone: squares of 4 pixels."""
    values = uniform('pictures', count * height * width * 3).reshape(count, height, width, 3)
    values[:, :, :, :] = values[:, ::4, ::4].repeat(4, 1).repeat(4, 2)[:, :height, :width]
    return (values * 256).astype(numpy.uint8)
