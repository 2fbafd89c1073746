# What of src/backends/cuda is built. The driver, cuDNN, cuBLASLt and NVRTC are opened at run time; building takes their
# headers only. Without them the folder's absent.cpp stands for what needs them.
find_path(TENON_CUDA_INCLUDE cuda.h PATHS /usr/local/cuda/include)
find_path(TENON_CUBLAS_INCLUDE cublasLt.h PATHS /usr/local/cuda/include)
find_path(TENON_CUDNN_INCLUDE cudnn.h PATHS /usr/local/cuda/include)
if(TENON_CUDA_INCLUDE AND TENON_CUBLAS_INCLUDE AND TENON_CUDNN_INCLUDE)
  set(TENON_CUDA_INCLUDES ${TENON_CUDA_INCLUDE} ${TENON_CUBLAS_INCLUDE} ${TENON_CUDNN_INCLUDE})
  list(REMOVE_DUPLICATES TENON_CUDA_INCLUDES)
  list(FILTER TENON_SOURCES EXCLUDE REGEX "/backends/cuda/absent\\.cpp$")
else()
  message(STATUS "no CUDA: cuda.h, cublasLt.h or cudnn.h is missing")
  set(TENON_CUDA_INCLUDES)
  list(FILTER TENON_SOURCES EXCLUDE REGEX "/backends/cuda/(runtime|plain|engine)/")
endif()
