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
    private static readonly string s_instructions = Avx512F.IsSupported ? "AVX-512" : Avx2.IsSupported ? "AVX2" : AdvSimd.IsSupported ? "NEON" : "baseline";

    /// <summary>The number of threads on the CPU; null for other devices. With another number, sums may be rounded otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Threads { get; init; }

    /// <summary>How many latents were denoised at once on the device; null for one by itself. The sums of a larger batch may be rounded otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? BatchOnDevice { get; init; }

    /// <summary>The row of this one in that batch, from 0; null without a batch.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? BatchRow { get; init; }

    /// <summary>This library on the processor of this machine.</summary>
    /// <exception cref="InvalidSettingException">The environment variable STABLEDIFFUSION_THREADS does not hold a whole number above 0.</exception>
    public static StageMaker Cpu => Of(Onnx.Device.Cpu);

    /// <summary>This library on a device of this machine.</summary>
    /// <param name="device">The device.</param>
    internal static StageMaker Of(Device device) => device.Kind == DeviceKind.Cpu ? On($"{device} {s_instructions}") with { Threads = device.Threads } : On(device.ToString());

    /// <summary>What it ran on, in words.</summary>
    /// <returns>The versions, the device, its threads and the batch.</returns>
    public override string ToString() => PrintableText.Of(string.Join(", ", new[] { Module, OnnxRuntime is null ? null : $"ONNX Runtime {OnnxRuntime}", Device, ThreadText, Batch }.OfType<string>()));

    /// <summary>The number of threads in words; null if it is not known.</summary>
    internal string? ThreadText => Threads is int count ? string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "thread" : "threads")}") : null;

    /// <summary>The batch in words; null for none.</summary>
    internal string? Batch => BatchOnDevice is null ? null : string.Create(CultureInfo.InvariantCulture, $"row {BatchRow + 1} of a batch of {BatchOnDevice} on the device");

    private static StageMaker On(string device) => new(ProductVersion.Text, OnnxEnvironment.Version, device);
}
