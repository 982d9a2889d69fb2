using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using StableDiffusion.Onnx;

namespace StableDiffusion.Settings;

/// <summary>What a stage ran on. The same settings give the same result, byte for byte, with the same versions on the same kind of device.</summary>
/// <param name="Module">This library's name and version.</param>
/// <param name="OnnxRuntime">ONNX Runtime's version.</param>
/// <param name="Device">The device and, for the CPU, the instructions that it computes with.</param>
public sealed record StageMaker(string? Module, string? OnnxRuntime, string? Device)
{
    private static readonly Lazy<StageMaker> s_cpu = new(static () => On("Cpu " + (Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : AdvSimd.IsSupported ? "NEON" : "baseline")));

    /// <summary>This library on the processor of this machine.</summary>
    public static StageMaker Cpu => s_cpu.Value;

    /// <summary>This library on a device of this machine.</summary>
    /// <param name="device">The device.</param>
    internal static StageMaker Of(Device device) => device.Kind == DeviceKind.Cpu ? Cpu : On(device.ToString());

    /// <summary>What it ran on, in words.</summary>
    /// <returns>The versions and the device.</returns>
    public override string ToString() => PrintableText.Of(string.Join(", ", new[] { Module, OnnxRuntime is null ? null : $"ONNX Runtime {OnnxRuntime}", Device }.OfType<string>()));

    private static StageMaker On(string device) => new(ProductVersion.Text, OnnxEnvironment.Version, device);
}
