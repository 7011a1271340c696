"""Figures as Plotly's plain data: a page draws them with plotly.js, `figures.notebook` makes Plotly's objects of them.

Building one imports nothing of Plotly. Colours of text, grid and background are left to the page, which has a light and
a dark one. Names from data are `escaped`: Plotly reads some tags in texts.
"""
