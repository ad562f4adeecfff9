"""A kernel's matrix is the kernel itself, seen otherwise."""

import pytest
import torch
from torch import nn

from trendbench.training.matrices import as_matrices


def layer():
    torch.manual_seed(0)
    return nn.Conv2d(3, 5, 2).to(memory_format=torch.channels_last)


def test_a_change_of_the_matrix_is_one_of_the_kernel():
    kernel = layer().weight
    (matrix,) = as_matrices([kernel])
    assert matrix.shape == (5, 12)
    torch.testing.assert_close(matrix[1, :3], kernel[1, :, 0, 0])
    with torch.no_grad():
        matrix[1, 3:6] = 7.0
    assert (kernel[1, :, 0, 1] == 7.0).all()


def test_the_gradient_is_handed_to_the_matrix_and_starts_anew_each_time():
    convolution = layer()
    (matrix,) = as_matrices([convolution.weight])
    images = torch.randn(2, 3, 6, 6)
    for factor in (1.0, 3.0):
        (factor * convolution(images)).sum().backward()
        assert convolution.weight.grad is None
        plain = layer()
        (factor * plain(images)).sum().backward()
        expected = plain.weight.grad.permute(0, 2, 3, 1).reshape(5, 12)
        torch.testing.assert_close(matrix.grad, expected)


def test_an_optimiser_of_the_matrix_moves_the_kernel():
    """A step of Muon is orthogonal: all directions of the matrix move alike."""
    convolution = layer()
    before = convolution.weight.detach().clone()
    muon = torch.optim.Muon(as_matrices([convolution.weight]), 0.1, weight_decay=0.0)
    convolution(torch.randn(2, 3, 6, 6)).square().sum().backward()
    muon.step()
    moved = (convolution.weight.detach() - before).permute(0, 2, 3, 1).reshape(5, 12)
    lengths = torch.linalg.svdvals(moved)
    assert 0.5 < lengths.min() / lengths.max() < 1


def test_another_layout_is_refused_rather_than_copied():
    with pytest.raises(RuntimeError, match="view"):
        as_matrices([nn.Conv2d(3, 5, 2).weight])
