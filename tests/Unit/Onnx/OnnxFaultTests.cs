using StableDiffusion.Onnx;

namespace StableDiffusion.Tests.Onnx;

/// <summary>The texts of ONNX Runtime, without what is of no use to the reader.</summary>
public sealed class OnnxFaultTests
{
    [Theory]
    [InlineData("[ErrorCode:Fail] The graph is bad.", "The graph is bad.")]
    [InlineData(
        "[ErrorCode:Fail] Non-zero status code returned while running Conv node. Name:'conv' Status Message: /onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 std::conditional_t<THRW, void, Status> onnxruntime::CudaCall(ERRTYPE) [with ERRTYPE = cudaError] CUDA failure 2: out of memory ; GPU=0 ; hostname=pc7 ; file=/onnxruntime_src/x.cc ; line=91 ; expr=cudaMalloc(&p, size);",
        "CUDA failure 2: out of memory.")]
    [InlineData("[ErrorCode:Fail] CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=1 ; hostname=pc7 ; expr=cublasCreate(&h);", "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED.")]
    public void Codes_source_files_and_the_name_of_the_computer_are_left_out(string message, string expected) => Assert.Equal(expected, OnnxFault.Text(message));
}
