"""The last layer of a net by logistic regression: for few images better than steps of an optimiser,
and done at once."""

import torch
from torch import Tensor, nn

# Inverse strengths of the regularisation that are tried, scikit-learn's default among them.
STRENGTHS = (0.01, 0.1, 1.0, 10.0)


def regression(
    features: Tensor, labels: Tensor, strength: float, class_weights: Tensor | None = None
) -> nn.Linear:
    """The layer that scikit-learn's ``LogisticRegression(C=strength)`` finds for ``features``
    [N, D] and ``labels`` int64 [N] of K classes, each of which has one at least: D inputs, K
    logits."""
    from sklearn.linear_model import LogisticRegression

    weights = None if class_weights is None else dict(enumerate(class_weights.tolist()))
    model = LogisticRegression(C=strength, class_weight=weights, max_iter=1000)
    model.fit(features.numpy(), labels.numpy())
    weight, bias = torch.tensor(model.coef_), torch.tensor(model.intercept_)
    if len(weight) == 1:  # of two classes it gives the logit of the second alone
        weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
    layer = nn.Linear(weight.shape[1], len(weight))
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer.requires_grad_(False)


def pooled(features: Tensor) -> Tensor:
    """What enters a last layer, [N, D]; of maps [N, D, h, w] (NIN) the mean, for the layer and the
    mean over the map can change places."""
    return features if features.ndim == 2 else features.flatten(2).mean(2)
