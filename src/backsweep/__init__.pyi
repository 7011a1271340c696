# Every public name of `backsweep`, once, and the module that has it. `import NAME as NAME` is how a stub exports a
# name; `__init__.py` reads these lines, and loads a name when it is used.

from backsweep import errors as errors
from backsweep import metrics as metrics
from backsweep import statistics as statistics
from backsweep.api import Result as Result
from backsweep.api import Study as Study
from backsweep.api import backtest as backtest
from backsweep.api import check as check
from backsweep.api import null_study as null_study
from backsweep.api import open_holdout as open_holdout
from backsweep.api import open_study as open_study
from backsweep.api import replay as replay
from backsweep.api import run as run
from backsweep.api.reports import write_report as write_report
from backsweep.bars import Bar as Bar
from backsweep.bars import Context as Context
from backsweep.bars import Data as Data
from backsweep.broker import Broker as Broker
from backsweep.broker import Order as Order
from backsweep.broker import Position as Position
from backsweep.engine.codes import DAY as DAY
from backsweep.engine.codes import FOK as FOK
from backsweep.engine.codes import GTC as GTC
from backsweep.engine.codes import GTD as GTD
from backsweep.engine.codes import IOC as IOC
from backsweep.engine.codes import LIMIT as LIMIT
from backsweep.engine.codes import MARKET as MARKET
from backsweep.engine.codes import MARKET_ON_CLOSE as MARKET_ON_CLOSE
from backsweep.engine.codes import STOP as STOP
from backsweep.engine.codes import STOP_LIMIT as STOP_LIMIT
from backsweep.engine.codes import TRAILING_STOP as TRAILING_STOP
from backsweep.strategy import Combination as Combination
from backsweep.strategy import CommissionModel as CommissionModel
from backsweep.strategy import Condition as Condition
from backsweep.strategy import Fill as Fill
from backsweep.strategy import Higher as Higher
from backsweep.strategy import PerAsset as PerAsset
from backsweep.strategy import SlippageModel as SlippageModel
from backsweep.strategy import Strategy as Strategy
from backsweep.strategy import above as above
from backsweep.strategy import below as below
from backsweep.strategy import choice as choice
from backsweep.strategy import held_for as held_for
from backsweep.strategy import higher as higher
from backsweep.strategy import never as never
from backsweep.strategy import param as param
from backsweep.strategy import part as part
from backsweep.strategy import state as state
from backsweep.study.search.optuna_sampler import TPESampler as TPESampler
from backsweep.trial.own_metrics import Run as Run

__version__: str
