using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace StableDiffusion.Onnx;

/// <summary>The processor, as far as ONNX Runtime's choice of kernels and of the layout of weights depends on it.</summary>
internal static class Processor
{
    // The leaves of the instruction CPUID about the model and the features of a processor.
    private const int Model = 1;
    private const int Extended = 7;

    /// <summary>The architecture and, of x64, the model and all features, as text.</summary>
    public static string Features { get; } = Describe();

    private static string Describe()
    {
        StringBuilder text = new(RuntimeInformation.ProcessArchitecture.ToString());
        if (!X86Base.IsSupported)
            return text.ToString();

        // The second number of the model's leaf depends on the core.
        (int model, _, int more, int features) = X86Base.CpuId(Model, 0);
        (int leaves, int b, int c, int d) = X86Base.CpuId(Extended, 0);
        text.Append(CultureInfo.InvariantCulture, $" {model:x} {more:x} {features:x} {b:x} {c:x} {d:x}");
        if (leaves >= 1 && X86Base.CpuId(Extended, 1) is (int a, _, _, int last))
            text.Append(CultureInfo.InvariantCulture, $" {a:x} {last:x}");
        return text.ToString();
    }
}
