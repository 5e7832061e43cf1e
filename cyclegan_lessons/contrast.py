"""Chapter 11: the patch-wise contrastive loss of CUT (Park et al. 2020), without a way back."""

import mindspore as ms
from mindspore import Tensor, nn, ops


def patch_contrastive_loss(queries: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """How hard it is to find each patch of a translation among the patches of its input; a scalar.

    ``queries`` and ``keys``: float32 N×P×C, the features of P places of N translated images and
    of the same places of their inputs. They are brought to length 1; then each query is compared
    with all P keys of its own image, divided by ``temperature``, and the loss is the mean
    cross-entropy of the right place (equations 3 and 4 of the paper). No gradient passes the keys.
    Features without content give log P; 0 is the least.
    """
    queries, keys = to_length_1(queries), to_length_1(ops.stop_gradient(keys))
    scores = ops.matmul(queries, keys.swapaxes(1, 2)) / temperature  # N×P×P
    places = ops.arange(keys.shape[1]).astype(ms.int32)
    targets = ops.tile(places, (keys.shape[0],))  # query i belongs to key i
    return ops.cross_entropy(scores.reshape((-1, keys.shape[1])), targets)


def to_length_1(features: Tensor) -> Tensor:
    """Bring features …×C to length 1. (The gradient of `ops.L2Normalize` is slow on a CPU.)"""
    return features * ops.rsqrt((features**2).sum(-1, keepdims=True) + 1e-12)


def patch_features(features: Tensor, places: Tensor, head: nn.Cell | None = None) -> Tensor:
    """Take the features N×C×H×W of an encoder at ``places``, int32 P from 0 to H·W − 1: N×P×C.

    ``head``, where there is one, is applied to each patch; CUT has a small network there, with two
    layers, that is learned together with the generator.
    """
    n, c = features.shape[:2]
    patches = features.reshape((n, c, -1)).swapaxes(1, 2)[:, places]
    return patches if head is None else head(patches)
