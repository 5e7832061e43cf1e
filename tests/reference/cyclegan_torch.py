"""A second CycleGAN, in PyTorch, that the package is compared with. It shares no code and no
structure with it.

Written from the paper (Zhu et al. 2017, arXiv:1703.10593; sections 3 and 4, appendix 7). The
networks are built from the paper's own notation: ``c7s1-64`` is a 7×7 convolution of stride 1 with
64 filters, ``d128`` a 3×3 one of stride 2, ``R256`` a residual block, ``u64`` a 3×3 one of stride
1/2, ``C128`` a 4×4 one of stride 2. The prose leaves two things open that the authors' code
settles: C512 has stride 1 (only so is the receptive field 70), and padding in D is zeros.
"""

import torch
from torch import nn


def generator_notation(k: int, blocks: int) -> str:
    """Appendix 7.2 with ``k`` in the place of 64, and that many residual blocks."""
    return " ".join(
        [f"c7s1-{k} d{2 * k} d{4 * k}", *[f"R{4 * k}"] * blocks, f"u{2 * k} u{k} c7s1-3"]
    )


def discriminator_notation(k: int) -> str:
    """Appendix 7.2 with ``k`` in the place of 64. ``s1`` marks the layer whose stride is 1."""
    return f"C{k} C{2 * k} C{4 * k} C{8 * k}s1"


def norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels, eps=1e-5, affine=False, track_running_stats=False)


class Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.second = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.norm = norm(channels)

    def forward(self, x):
        return x + self.norm(self.second(torch.relu(self.norm(self.first(x)))))


def build_generator(notation: str) -> nn.Sequential:
    """Read ``c7s1-k``, ``dk``, ``Rk`` and ``uk``; instance norm and ReLU after each, tanh after the
    last."""
    network, channels = nn.Sequential(), 3
    words = notation.split()
    for position, word in enumerate(words):
        k = int(word.replace("c7s1-", "").lstrip("dRu"))
        if word.startswith("c7s1-"):
            layer = nn.Conv2d(channels, k, 7, padding=3, padding_mode="reflect")
        elif word.startswith("d"):
            layer = nn.Conv2d(channels, k, 3, stride=2, padding=1)
        elif word.startswith("u"):
            layer = nn.ConvTranspose2d(channels, k, 3, stride=2, padding=1, output_padding=1)
        else:
            layer = Residual(k)
        network.add_module(f"{position}:{word}", layer)
        if position == len(words) - 1:
            network.append(nn.Tanh())
        elif not word.startswith("R"):
            network.extend([norm(k), nn.ReLU()])
        channels = k
    return network


def build_discriminator(notation: str) -> nn.Sequential:
    """Read ``Ck``; instance norm after each but the first, LeakyReLU 0.2, and a last convolution to
    one raw score."""
    network, channels = nn.Sequential(), 3
    for position, word in enumerate(notation.split()):
        k, stride = int(word[1:].removesuffix("s1")), 1 if word.endswith("s1") else 2
        network.add_module(
            f"{position}:{word}", nn.Conv2d(channels, k, 4, stride=stride, padding=1)
        )
        if position > 0:
            network.append(norm(k))
        network.append(nn.LeakyReLU(0.2))
        channels = k
    network.add_module("score", nn.Conv2d(channels, 1, 4, padding=1))
    return network


def gan_loss(scores: torch.Tensor, real: bool, kind: str) -> torch.Tensor:
    """Least squares (section 4), or the log likelihood of equation 1 with a sigmoid on the raw
    scores."""
    target = torch.ones_like(scores) if real else torch.zeros_like(scores)
    if kind == "lsgan":
        return nn.functional.mse_loss(scores, target)
    return nn.functional.binary_cross_entropy_with_logits(scores, target)


class History:
    """The buffer of generated images (section 4) with its draws given: "keep" or the number of the
    image to swap."""

    def __init__(self, size: int, draws: list):
        self.size, self.draws, self.buffer = size, iter(draws), []

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        shown = []
        for fake in batch.detach().clone():
            if len(self.buffer) < self.size:
                self.buffer.append(fake)
            else:
                draw = next(self.draws)
                if draw != "keep":
                    self.buffer[draw], fake = fake, self.buffer[draw]
            shown.append(fake)
        return torch.stack(shown)


def rate_at(epoch: int, rate: float, constant: int, decay: int) -> float:
    """The same rate in the first epochs, then a straight line that reaches 0 one epoch after the
    last."""
    if epoch < constant:
        return rate
    last_constant, first_zero = constant - 1, constant + decay
    return rate * (first_zero - epoch) / (first_zero - last_constant)


class Reference:
    """One training run of the whole model in the precision ``dtype``, on ``nets`` = {"G", "F",
    "D_X", "D_Y"}."""

    LAMBDA, IDENTITY, BETAS = 10.0, 5.0, (0.5, 0.999)

    def __init__(self, nets: dict, kind: str, history_x: History, history_y: History):
        self.nets, self.kind, self.history_x, self.history_y = nets, kind, history_x, history_y
        self.adam_g, self.adam_d = (
            torch.optim.Adam(
                [*nets[first].parameters(), *nets[second].parameters()], betas=self.BETAS, eps=1e-8
            )
            for first, second in (("G", "F"), ("D_X", "D_Y"))
        )

    def step(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> tuple[dict, dict]:
        """Update G and F, then D_X and D_Y on the fakes of the same forward pass; return losses and
        gradients."""
        G, F, D_X, D_Y = (self.nets[name] for name in ("G", "F", "D_X", "D_Y"))
        for adam in (self.adam_g, self.adam_d):
            adam.param_groups[0]["lr"] = rate

        fake_y, fake_x = G(x), F(y)
        l1 = nn.functional.l1_loss
        losses = {
            "G": gan_loss(D_Y(fake_y), True, self.kind),
            "F": gan_loss(D_X(fake_x), True, self.kind),
            "cycle_x": l1(F(fake_y), x),
            "cycle_y": l1(G(fake_x), y),
            "identity_x": l1(F(x), x),
            "identity_y": l1(G(y), y),
        }
        losses["total"] = (
            losses["G"]
            + losses["F"]
            + self.LAMBDA * (losses["cycle_x"] + losses["cycle_y"])
            + self.IDENTITY * (losses["identity_x"] + losses["identity_y"])
        )
        self.adam_g.zero_grad()
        losses["total"].backward()
        gradients = self._gradients("G", "F")
        self.adam_g.step()

        old_x, old_y = self.history_x(fake_x), self.history_y(fake_y)
        for name, D, real, fake in (("D_X", D_X, x, old_x), ("D_Y", D_Y, y, old_y)):
            losses[name] = (
                gan_loss(D(real), True, self.kind) + gan_loss(D(fake), False, self.kind)
            ) / 2
        self.adam_d.zero_grad()  # throws away what the generators' loss left in D
        (losses["D_X"] + losses["D_Y"]).backward()
        gradients |= self._gradients("D_X", "D_Y")
        self.adam_d.step()
        return {name: loss.item() for name, loss in losses.items()}, gradients

    def _gradients(self, *names: str) -> dict:
        return {name: [p.grad.clone() for p in self.nets[name].parameters()] for name in names}
