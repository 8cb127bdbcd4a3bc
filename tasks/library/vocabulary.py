"""What programs may take from torch, math and Python, by name.

What is not named here is not allowed, so that what torch gains or happens to import is not. The
audit holds candidates to it before they run. What a candidate proposes by itself is held to it in
the box: see `stepper.py`.
"""

import math
from collections.abc import Mapping

_TENSOR = """
abs acos acosh add addcdiv addcmul addmm addmv addr all allclose amax amin aminmax angle any
arange arccos arcsin arctan arctan2 argmax argmin argsort as_tensor asin asinh atan atan2 atanh
atleast_1d atleast_2d atleast_3d baddbmm bilinear bincount block_diag bmm broadcast_shapes
broadcast_tensors broadcast_to bucketize cartesian_prod cat cdist ceil celu chain_matmul cholesky
cholesky_inverse cholesky_solve chunk clamp clamp_max clamp_min clip clone column_stack
combinations complex concat concatenate conj conv1d conv2d conv3d copysign corrcoef cos cosh
cosine_similarity count_nonzero cov cross cummax cummin cumprod cumsum cumulative_trapezoid
deg2rad det diag diag_embed diagonal diagonal_scatter diff digamma dist div divide dot dsplit
dstack einsum eq equal erf erfc erfinv exp exp2 expm1 eye fix flatten flip fliplr flipud
float_power floor floor_divide fmax fmin fmod frac frexp full full_like gather gcd ge ger gradient
greater greater_equal gt hardshrink heaviside histc hsplit hstack hypot i0 igamma igammac imag
index_add index_copy index_fill index_put index_reduce index_select inner inverse is_complex
is_floating_point is_nonzero is_tensor isclose isfinite isin isinf isnan isneginf isposinf isreal
kron kthvalue lcm ldexp le lerp less less_equal lgamma linspace log log10 log1p log2 log_softmax
logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or logical_xor logit
logspace logsumexp lt lu_solve masked_fill masked_scatter masked_select matmul matrix_exp
matrix_power max maximum mean median meshgrid min minimum mm mode moveaxis movedim msort mul
multiply mv mvlgamma nan_to_num nanmean nanmedian nanquantile nansum narrow ne neg negative
nextafter nonzero norm not_equal numel ones ones_like outer permute pinverse polar polygamma
positive pow prod promote_types qr quantile rad2deg ravel real reciprocal relu remainder renorm
repeat_interleave reshape result_type roll rot90 round row_stack rsqrt scalar_tensor scatter
scatter_add scatter_reduce searchsorted select select_scatter selu sgn sigmoid sign signbit sin
sinc sinh slice_scatter slogdet softmax sort split sqrt square squeeze stack std std_mean sub
subtract sum svd svd_lowrank swapaxes swapdims t take take_along_dim tan tanh tensor tensor_split
tensordot threshold tile topk trace transpose trapezoid trapz tril tril_indices triu triu_indices
true_divide trunc unbind unflatten unique unique_consecutive unravel_index unsqueeze vander var
var_mean vdot view_as_complex view_as_real vmap vsplit vstack where xlogy zeros zeros_like
"""
_RANDOM = """
bernoulli multinomial normal rand rand_like randint randint_like randn randn_like randperm
"""
_KINDS = """
Size Tensor bfloat16 bool cdouble cfloat complex128 complex64 double dtype e enable_grad finfo
float float16 float32 float64 half iinfo inf int int16 int32 int64 int8 is_grad_enabled long nan
newaxis no_grad pi short uint8
"""
_FUNCTIONAL = """
binary_cross_entropy binary_cross_entropy_with_logits celu cosine_similarity cross_entropy elu
gelu glu hardsigmoid hardswish hardtanh huber_loss kl_div l1_loss layer_norm leaky_relu linear
log_softmax logsigmoid mish mse_loss nll_loss normalize one_hot pad pairwise_distance prelu relu
relu6 rms_norm selu sigmoid silu smooth_l1_loss softmax softmin softplus softshrink softsign tanh
tanhshrink threshold
"""
_LINALG = """
cholesky cholesky_ex cond cross det diagonal eig eigh eigvals eigvalsh householder_product inv
inv_ex lstsq lu lu_factor lu_solve matmul matrix_exp matrix_norm matrix_power matrix_rank
multi_dot norm pinv qr slogdet solve solve_triangular svd svdvals tensorinv tensorsolve vander
vecdot vector_norm
"""
_SPECIAL = """
digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc gammaincc gammaln i0 i0e i1 i1e log1p
log_ndtr log_softmax logit logsumexp multigammaln ndtr ndtri polygamma psi round sinc softmax
xlog1py xlogy zeta
"""
_FFT = """
fft fft2 fftfreq fftn fftshift ifft ifft2 ifftn ifftshift irfft irfft2 irfftn rfft rfft2 rfftfreq
rfftn
"""
_FUNC = """
functionalize grad grad_and_value hessian jacfwd jacrev jvp linearize vjp vmap
"""

RANDOM = frozenset(_RANDOM.split())
# What each module may be asked for. A module's own name never stands alone.
MODULES: Mapping[str, frozenset[str]] = {
    "math": frozenset(name for name in dir(math) if not name.startswith("_")),
    "torch": frozenset([*_TENSOR.split(), *_KINDS.split(), *RANDOM]),
    "torch.nn": frozenset(),
    "torch.nn.functional": frozenset(_FUNCTIONAL.split()),
    "torch.linalg": frozenset(_LINALG.split()),
    "torch.special": frozenset(_SPECIAL.split()),
    "torch.fft": frozenset(_FFT.split()),
    "torch.func": frozenset(_FUNC.split()),
}
_BUILTINS = """
ArithmeticError AssertionError Exception FloatingPointError IndexError KeyError LookupError
NotImplementedError OverflowError RuntimeError TypeError ValueError ZeroDivisionError abs all any
bool complex dict divmod enumerate filter float frozenset int isinstance iter len list map max min
next pow print range repr reversed round set slice sorted str sum tuple zip
"""
BUILTINS = frozenset(_BUILTINS.split())
# What a value of any type may be asked for, where a program comes unread; `add_` goes by `add`.
_VALUES = """
H Q R S T U V Vh append contiguous copy count detach device difference dim eigenvalues
eigenvectors endswith eps expand expand_as extend fill get indices insert intersection
is_contiguous is_integer issubset issuperset item items join keys logabsdet lower mH mT ndim
nelement new_full new_ones new_tensor new_zeros pop repeat replace requires_grad reshape_as
setdefault shape size smallest_normal solution startswith strip tiny to tolist type_as unfold union
update upper values view view_as zero
"""
# Less `grad`, since torch.nn.grad is a module.
VALUES = frozenset(_VALUES.split()).union(*MODULES.values()) - {"grad"}
