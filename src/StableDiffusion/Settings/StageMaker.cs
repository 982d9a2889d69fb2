namespace StableDiffusion.Settings;

/// <summary>What a stage ran on. The same settings give the same result, byte for byte, with the same versions on the same kind of device.</summary>
/// <param name="Module">This library's name and version.</param>
/// <param name="OnnxRuntime">ONNX Runtime's version.</param>
/// <param name="Device">The device and, for the CPU, the instructions that it computes with.</param>
public sealed record StageMaker(string? Module, string? OnnxRuntime, string? Device);
