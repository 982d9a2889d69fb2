using System.Globalization;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text.Json.Serialization;
using StableDiffusion.Onnx;

namespace StableDiffusion.Settings;

/// <summary>What a stage ran on. The same settings give the same result, byte for byte, with the same versions on the same kind of device.</summary>
/// <param name="Module">This library's name and version.</param>
/// <param name="OnnxRuntime">ONNX Runtime's version.</param>
/// <param name="Device">The device and, for the CPU, the instructions that it computes with.</param>
public sealed record StageMaker(string? Module, string? OnnxRuntime, string? Device)
{
    private static readonly Lazy<StageMaker> s_cpu = new(static () => On("Cpu " + (Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : AdvSimd.IsSupported ? "NEON" : "baseline")));

    /// <summary>How many latents were denoised at once on the device; null for one by itself. The sums of a larger batch may be rounded otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? BatchOnDevice { get; init; }

    /// <summary>The row of this one in that batch, from 0; null without a batch.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? BatchRow { get; init; }

    /// <summary>This library on the processor of this machine.</summary>
    public static StageMaker Cpu => s_cpu.Value;

    /// <summary>This library on a device of this machine.</summary>
    /// <param name="device">The device.</param>
    internal static StageMaker Of(Device device) => device.Kind == DeviceKind.Cpu ? Cpu : On(device.ToString());

    /// <summary>What it ran on, in words.</summary>
    /// <returns>The versions, the device and the batch.</returns>
    public override string ToString() => PrintableText.Of(string.Join(", ", new[] { Module, OnnxRuntime is null ? null : $"ONNX Runtime {OnnxRuntime}", Device, Batch }.OfType<string>()));

    /// <summary>The batch in words; null for none.</summary>
    internal string? Batch => BatchOnDevice is null ? null : string.Create(CultureInfo.InvariantCulture, $"row {BatchRow} of a batch of {BatchOnDevice} on the device");

    private static StageMaker On(string device) => new(ProductVersion.Text, OnnxEnvironment.Version, device);
}
