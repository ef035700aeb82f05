if then else "
OMP_NUM_THREADS=zero python half.py
