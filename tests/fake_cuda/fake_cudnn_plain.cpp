// What the plain executor asks of cuDNN, refused: their arguments do not matter.

extern "C" {

#define TENON_REFUSE(function) \
  int function() {             \
    return 3000;               \
  }
TENON_REFUSE(cudnnCreateTensorDescriptor)
TENON_REFUSE(cudnnSetTensorNdDescriptor)
TENON_REFUSE(cudnnDestroyTensorDescriptor)
TENON_REFUSE(cudnnCreateFilterDescriptor)
TENON_REFUSE(cudnnSetFilterNdDescriptor)
TENON_REFUSE(cudnnDestroyFilterDescriptor)
TENON_REFUSE(cudnnCreateConvolutionDescriptor)
TENON_REFUSE(cudnnSetConvolutionNdDescriptor)
TENON_REFUSE(cudnnSetConvolutionMathType)
TENON_REFUSE(cudnnSetConvolutionGroupCount)
TENON_REFUSE(cudnnDestroyConvolutionDescriptor)
TENON_REFUSE(cudnnFindConvolutionForwardAlgorithm)
TENON_REFUSE(cudnnConvolutionForward)
TENON_REFUSE(cudnnFindConvolutionBackwardDataAlgorithm)
TENON_REFUSE(cudnnConvolutionBackwardData)
#undef TENON_REFUSE
}
