"""Exponential, logarithm, normal distribution and its quantile, equal to the last bit on every machine.

The C library's and NumPy's change their last bits from one machine, or one width of vectors, to the next, and what a
study proposes would with them. These add, multiply, divide, take roots and move bits, which IEEE 754 determines, in a
fixed order. Errors are below two units in the last place, for the quantile below 1e-15.

The scalar functions are kernels: compiled code calls them compiled, Python as they are written. `exp_of` and `log_of`
are for arrays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backsweep.engine.compile.kernel import compiled, kernel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEAST_EXPONENT = -708.0
MOST_EXPONENT = 709.0
_LOG2_E = 1.44269504088896338700e00
_LN2_HIGH = 6.93147180369123816490e-01  # with zeros in its last bits, so that whole multiples are exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 * 2**52: a sum with it ends in the rounded integer
_ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of the root of 1/2
_LEAST_NORMAL = 2.2250738585072014e-308
_FAR = 37.5  # standard deviations beyond which the tail is no normal number
_ROOT_2_PI = 0.398942280401432677939946059934


@kernel
def exp(x: float) -> float:
    """Return e**x; below -708 as at -708, above 709 as at 709.

    As in fdlibm: x = n ln 2 + r, and a rational function of r.
    """
    x = min(max(x, LEAST_EXPONENT), MOST_EXPONENT)
    shifted = x * _LOG2_E + _ROUND
    n = shifted - _ROUND
    high, low = x - n * _LN2_HIGH, n * _LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (
        1.66666666666666019037e-01
        + t
        * (
            -2.77777777770155933842e-03
            + t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))
        )
    )
    power = (np.float64(shifted).view(np.int64) + 1023) << 52
    return (1.0 - ((low - (r * c) / (2.0 - c)) - high)) * np.int64(power).view(np.float64)


@kernel
def log(x: float) -> float:
    """Return the natural logarithm of a finite number above 0.

    As in fdlibm: x = 2**k m with m near 1, and a polynomial of (m - 1) / (m + 1).
    """
    lifted = 0
    if x < _LEAST_NORMAL:
        x, lifted = x * 2.0**54, 54
    bits = np.float64(x).view(np.int64)
    k = (bits - _ROOT_HALF) >> 52
    f = np.int64(bits - (k << 52)).view(np.float64) - 1.0
    k -= lifted
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    half = 0.5 * f * f
    return k * _LN2_HIGH - ((half - (s * (half + odd + even) + k * _LN2_LOW)) - f)


@kernel
def normal_cdf(x: float) -> float:
    """Return the probability that a standard normal number is below x, exact also where it is near 0.

    W. J. Cody (1969), "Rational Chebyshev approximations for the error function", Mathematics of Computation 23.
    """
    y = abs(x)
    if y <= 0.67448975:
        s = x * x
        top = ((((0.065682337918207449113 * s + 2.2352520354606839287) * s + 161.02823106855587881) * s
                + 1067.6894854603709582) * s + 18154.981253343561249)  # fmt: skip
        bottom = ((((s + 47.20258190468824187) * s + 976.09855173777669322) * s + 10260.932208618978205) * s
                  + 45507.789335026729956)  # fmt: skip
        return 0.5 + x * top / bottom
    if y > _FAR:
        return 0.0 if x < 0.0 else 1.0
    if y <= 5.656854249492380195:
        top = ((((((((1.0765576773720192317e-8 * y + 0.39894151208813466764) * y + 8.8831497943883759412) * y
                    + 93.506656132177855979) * y + 597.27027639480026226) * y + 2494.5375852903726711) * y
                 + 6848.1904505362823326) * y + 11602.651437647350124) * y + 9842.7148383839780218)  # fmt: skip
        bottom = ((((((((y + 22.266688044328115691) * y + 235.38790178262499861) * y + 1519.377599407554805) * y
                       + 6485.558298266760755) * y + 18615.571640885098091) * y + 34900.952721145977266) * y
                   + 38912.003286093271411) * y + 19685.429676859990727)  # fmt: skip
        tail = top / bottom
    else:
        s = 1.0 / (y * y)
        top = (((((0.02307344176494017303 * s + 0.21589853405795699) * s + 0.1274011611602473639) * s
                 + 0.022235277870649807) * s + 0.001421619193227893466) * s + 2.9112874951168792e-5)  # fmt: skip
        bottom = (((((s + 1.28426009614491121) * s + 0.468238212480865118) * s + 0.0659881378689285515) * s
                   + 0.00378239633202758244) * s + 7.29751555083966205e-5)  # fmt: skip
        tail = (_ROOT_2_PI - s * top / bottom) / y
    cut = math.floor(y * 16.0) / 16.0  # its square is exact
    tail *= exp(-0.5 * cut * cut) * exp(-0.5 * (y - cut) * (y + cut))
    return tail if x < 0.0 else 1.0 - tail


@kernel
def normal_quantile(p: float) -> float:
    """Return the number below which a standard normal one is with probability p; p within 1e-300 and 1.

    M. J. Wichura (1988), "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37.
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
                   + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
                + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)  # fmt: skip
        bottom = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
                      + 2.1213794301586595867e4) * r + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
                   + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
        return q * top / bottom
    r = math.sqrt(-log(max(min(p, 1.0 - p), 1e-300)))
    if r <= 5.0:
        r -= 1.6
        top = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
                   + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
                + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)  # fmt: skip
        bottom = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r
                      + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
                   + 2.05319162663775882187e0) * r + 1.0)  # fmt: skip
    else:
        r -= 5.0
        top = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
                   + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
                + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)  # fmt: skip
        bottom = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r
                      + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
                   + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return -top / bottom if q < 0.0 else top / bottom


def exp_of(values: ArrayLike) -> NDArray[np.float64]:
    """Return e**x of every number of an array."""
    result = np.array(values, np.float64, order="C")
    _exp_all(result.reshape(-1))
    return result


def log_of(values: ArrayLike) -> NDArray[np.float64]:
    """Return the natural logarithm of every number of an array; they are finite and above 0."""
    result = np.array(values, np.float64, order="C")
    _log_all(result.reshape(-1))
    return result


@compiled
def _exp_all(values: NDArray[np.float64]) -> None:
    for i in range(values.size):
        values[i] = exp(values[i])


@compiled
def _log_all(values: NDArray[np.float64]) -> None:
    for i in range(values.size):
        values[i] = log(values[i])
