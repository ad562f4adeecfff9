"""Train and score a model: a small network in plain PyTorch.

    python train_and_score.py [DATA] [EPOCHS]     trend-v1's canonical file and 1 by default

The network gets s1, s2 and the place x, and is trained for r by mean absolute error. The card shows
the effect: where a particle of s2 survives with a probability below ½, the best guess is white. The
trained classifier is left out, since it takes minutes.
"""

import sys

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import trendbench as tb

path = sys.argv[1] if len(sys.argv) > 1 else "datasets/trend-v1-n3500-seed0.h5"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 1
torch.manual_seed(0)

network = nn.Sequential(
    nn.Conv2d(3, 16, 5, padding=2), nn.ReLU(),
    nn.Conv2d(16, 16, 5, padding=2), nn.ReLU(),
    nn.Conv2d(16, 1, 5, padding=2), nn.Sigmoid(),
)  # fmt: skip
optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)


def seen(batch):
    """Darkness of s1 and s2, and x from 0 to 1, as three channels: (b, 3, H, W)."""
    s1, s2 = batch["s1"], batch["s2"]
    x = torch.linspace(0, 1, s1.shape[-1]).expand_as(s1)
    return torch.cat([s1, s2, x], dim=1)


train = tb.TripletDataset(path, "train")
for epoch in range(epochs):
    for batch in DataLoader(train, batch_size=8, shuffle=True):
        loss = (network(seen(batch)) - batch["r"]).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"epoch {epoch + 1}: mean absolute error {loss.item():.4f}")

with torch.no_grad():
    test = DataLoader(tb.TripletDataset(path, "test"), batch_size=32)
    darkness = torch.cat([network(seen(batch)) for batch in test])[:, 0]
images = np.rint(255 * (1 - darkness.numpy())).astype(np.uint8)  # particles 0, background 255

card = tb.score(images, path, name="three convolutions", c2st=False)
for name in ("xi_ratio", "grey_fraction", "s2_error", "retention_error"):
    score = card.scores.get(name)
    if score is not None:
        print(f"{name:16} {score.value:8.4f}  [{score.low:.4f}, {score.high:.4f}]"
              f"  true images {score.truth:.4f}")  # fmt: skip
print(card.verdict)
