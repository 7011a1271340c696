"""The names of columns in the tables of trials and folds, as in Optuna's `trials_dataframe`: a prefix and a name."""

PARAMS = "params_"
USER_ATTRS = "user_attrs_"
CONSTRAINTS = "constraints_"
VALUE = "value"
"""The only objective; with several, each has a column with the prefix `VALUES`."""
VALUES = "values_"
