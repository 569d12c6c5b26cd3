"""placeholder"""
from bayesmeta.exact.predictors import Predictors

MOST_COLUMNS = 4


class SeveralPredictors(Predictors):
    pass
