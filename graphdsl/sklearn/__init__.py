"""Models as scikit-learn's estimators: a `.gdl` file comes in, `fit` and `predict` go out.

They stand in pipelines and grid searches, where the file's constants are hyperparameters:

>>> from graphdsl.sklearn import GraphClassifier
>>> from sklearn.model_selection import GridSearchCV
>>> search = GridSearchCV(GraphClassifier(), {"hidden": [16, 64]})
"""

try:
    import sklearn as sklearn
except ImportError as missing:
    raise ImportError(
        "graphdsl.sklearn needs scikit-learn: pip install 'graphdsl-lang[sklearn]'"
    ) from missing

from graphdsl.sklearn.estimators import GraphClassifier, GraphRegressor

__all__ = ["GraphClassifier", "GraphRegressor"]
