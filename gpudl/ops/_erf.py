"""Compute the error function, which NumPy lacks, by rational approximations (`erf`); no SciPy at run time.

W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637. All coefficients are positive, so
each polynomial is as accurate as its number type; the greatest relative error in float64 is 4e-16.
"""

from __future__ import annotations

from typing import Any

from ._select import choose

# |x| <= 0.46875: erf(x) = x P(x^2) / Q(x^2); highest power first
_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
# beyond: erfc(|x|) = exp(-x^2) R(|x|) / S(|x|). Made for 0.46875 ... 4; up to 6, where erf is 1 in float64, it is good enough for 1 - erfc
_R = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1, 2.98635138197400131e2,
      8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_S = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
      4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_MIDDLE, _END = 0.46875, 6.0
_BLOCK = 16384  # elements at a time on the host, so that the some forty passes stay in the cache


def _polynomial(xp: Any, x: Any, coefficients: tuple[float, ...]) -> Any:
    y = x * coefficients[0]
    y += coefficients[1]
    for c in coefficients[2:]:
        y *= x
        y += c
    return y


def _erf(xp: Any, y: Any, x: Any) -> None:
    a = xp.minimum(xp.absolute(x), _END)  # NaN passes
    far = xp.exp(-(a * a))
    far *= _polynomial(xp, a, _R)
    far /= _polynomial(xp, a, _S)
    xp.subtract(1.0, far, out=far)
    xp.copysign(far, x, out=y)
    small = xp.minimum(a, _MIDDLE)
    small *= small
    near = _polynomial(xp, small, _P)
    near /= _polynomial(xp, small, _Q)
    near *= x
    choose(xp, y, a <= _MIDDLE, near, y)


def erf(xp: Any, y: Any, x: Any) -> None:
    """y = erf(x) = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x, for float arrays of NumPy or CuPy."""
    if not x.ndim:  # NumPy would make numbers of arrays without axes
        x, y = x.reshape(1), y.reshape(1)
    if x.size <= _BLOCK or xp.__name__ != "numpy" or not (x.flags.c_contiguous and y.flags.c_contiguous):
        _erf(xp, y, x)
        return
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    for start in range(0, x.size, _BLOCK):
        _erf(xp, flat_y[start : start + _BLOCK], flat_x[start : start + _BLOCK])
