# OMP_NUM_THREADS in a comment stays a comment
export OMP_NUM_THREADS=4,2
export KMP_AFFINITY=granularity=fine,compact,1,0
KMP_AFFINITY="verbose,proclist=[0-3,8],explicit" KMP_BLOCKTIME=1 python infer.py
export OMP_PLACES='{0:4}:4:8' OMP_PROC_BIND=close
GOMP_CPU_AFFINITY="0 3 1-2 4-15:2" python infer.py
MY_OMP_NUM_THREADS_X=3
echo "$OMP_NUM_THREADS"
export OMP_NUM_THREADS=$(nproc)
