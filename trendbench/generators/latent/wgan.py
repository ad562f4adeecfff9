"""Wasserstein GAN of r alone, with a penalty on the gradient of its critic."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch

from trendbench.generators.latent import gan
from trendbench.generators.latent.networks import Discriminator
from trendbench.generators.network.images import darkness, resident
from trendbench.generators.network.layers import placed
from trendbench.generators.network.schedule import Count, Positive
from trendbench.generators.network.steps import Steps
from trendbench.process.triplets import Triplets
from trendbench.training.loop import Trainable

_BETA2 = 0.9


class Settings(gan.Settings):
    """Everything a recipe can state about the Wasserstein GAN, besides what the GAN has.

    Attributes:
        penalty: weight λ of the gradient penalty.
        critic_steps: steps of the critic for each step of the generator.
    """

    penalty: Positive
    critic_steps: Count


class WGAN(gan.GAN):
    """V ~ U[−1, 1]ⁿ pushed through a generator, by the Wasserstein distance to the data.

    The critic f minimises E f(g_θ(V)) − E f(X) + λ E (‖∇f(X̂)‖₂ − 1)², where
    X̂ = U·X + (1 − U)·g_θ(V) with U ~ U[0, 1]. After ``critic_steps`` steps of the critic the
    generator takes one down −E f(g_θ(V)). Images do not depend on s1 and s2.

    Args:
        **settings: the fields of ``Settings``.

    Source: Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville, Improved training of Wasserstein GANs
    (2017), algorithm 1.
    """

    settings: Settings
    settings_type: ClassVar[type[Settings]] = Settings

    def trainable(self, train: Triplets) -> Trainable:
        """Generator against critic."""
        return _Contest(self, train)


class _Contest:
    """A step of the critic, and one of the generator after every ``critic_steps`` of them."""

    def __init__(self, model: WGAN, train: Triplets) -> None:
        settings = model.settings
        self._model = model
        critic = Discriminator(settings.nf, model.network.grid, norm=False)
        self._critic = placed(critic, model.device)
        self._real = resident(train.r, model.device)
        self._adam_g, self._adam_c = (
            torch.optim.Adam(
                network.parameters(), settings.learning_rate, (settings.beta1, _BETA2), fused=True
            )
            for network in (model.network, self._critic)
        )
        self._steps = Steps()
        self.parts = {
            "generator": model.network, "critic": self._critic,
            "adam_g": self._adam_g, "adam_c": self._adam_c, "steps": self._steps,
        }  # fmt: skip

    def step(self, chosen: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """One step of the critic, in float32; of the generator too if it is due.

        Args:
            chosen: rows of the true images.

        Returns:
            ``distance``, E f(X) − E f(g_θ(V)), and ``penalty`` without its weight λ.
        """
        settings = self._model.settings
        real = darkness(self._real[chosen].unsqueeze(-1))
        with torch.no_grad(), self._model.autocast():
            drawn = self._model.pushed(len(chosen))
        distance = self._critic(real).mean() - self._critic(drawn).mean()
        penalty = gradient_penalty(self._critic, real, drawn)
        self._adam_c.zero_grad()
        (settings.penalty * penalty - distance).backward()
        self._adam_c.step()
        self._steps.done += 1
        if self._steps.done % settings.critic_steps == 0:
            self._generate(len(chosen))
        return {"distance": distance, "penalty": penalty}

    def _generate(self, n: int) -> None:
        """One step of the generator, on n fresh V."""
        self._critic.requires_grad_(False)
        with self._model.autocast():
            drawn = self._model.pushed(n)
        self._adam_g.zero_grad()
        (-self._critic(drawn).mean()).backward()
        self._adam_g.step()
        self._critic.requires_grad_(True)


def gradient_penalty(
    critic: Callable[[torch.Tensor], torch.Tensor], real: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    """Mean (‖∇f(x)‖₂ − 1)², each x at a uniform place between a true and a drawn image.

    Args:
        critic: f, which gives each image a number that does not depend on the others.
        real: (b, 1, H, W).
        drawn: the same shape.
    """
    place = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = torch.lerp(drawn, real, place).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    slope: torch.Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return (slope - 1).square().mean()
