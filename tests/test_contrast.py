"""The patch-contrastive loss against float64 NumPy; its gradients reach the queries alone."""

import mindspore as ms
import numpy as np

from cyclegan_lessons.contrast import patch_contrastive_loss, patch_features


def features(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 5, 4)).astype(np.float32)


def by_hand(queries: np.ndarray, keys: np.ndarray, temperature: float) -> float:
    """Equations 3 and 4 of Park et al. 2020, one query after the other."""
    losses = []
    for of_image, others in zip(queries.astype(np.float64), keys.astype(np.float64)):
        others = others / np.linalg.norm(others, axis=1, keepdims=True)
        for place, query in enumerate(of_image):
            scores = np.exp(others @ (query / np.linalg.norm(query)) / temperature)
            losses.append(-np.log(scores[place] / scores.sum()))
    return float(np.mean(losses))


def test_the_loss_is_the_papers():
    queries, keys = features(0), features(1)
    for temperature in (0.07, 0.5):
        loss = patch_contrastive_loss(ms.Tensor(queries), ms.Tensor(keys), temperature)
        np.testing.assert_allclose(float(loss), by_hand(queries, keys, temperature), rtol=1e-4)


def test_equal_features_give_log_p_and_perfect_ones_nearly_0():
    same = ms.Tensor(np.ones((1, 5, 4), np.float32))
    np.testing.assert_allclose(float(patch_contrastive_loss(same, same)), np.log(5), rtol=1e-5)
    apart = ms.Tensor(np.eye(4, dtype=np.float32)[None])
    assert float(patch_contrastive_loss(apart, apart)) < 1e-4


def test_no_gradient_passes_the_keys():
    of_queries, of_keys = ms.grad(patch_contrastive_loss, (0, 1))(
        ms.Tensor(features(0)), ms.Tensor(features(1))
    )
    assert np.abs(of_queries.asnumpy()).max() > 0.01
    assert np.abs(of_keys.asnumpy()).max() == 0


def test_patches_are_taken_at_their_places():
    image = np.arange(2 * 3 * 2 * 4, dtype=np.float32).reshape(2, 3, 2, 4)
    places = np.array([0, 5, 7], np.int32)
    patches = patch_features(ms.Tensor(image), ms.Tensor(places)).asnumpy()
    assert patches.shape == (2, 3, 3)
    for i, place in enumerate(places):
        np.testing.assert_array_equal(patches[:, i], image[:, :, place // 4, place % 4])
