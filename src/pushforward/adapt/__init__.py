"""Changes to a flow or its data: a support, a temperature, guidance, noise on whole numbers."""

from .constrain import constrain as constrain
from .denoise import denoise as denoise
from .dequantizer import dequantizer as dequantizer
from .guide import guide as guide
from .jacobi import jacobi as jacobi
from .temper import temper as temper
