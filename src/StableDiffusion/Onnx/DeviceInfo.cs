namespace StableDiffusion.Onnx;

/// <summary>A kind of device, and whether it can be used on this machine.</summary>
/// <param name="Name">The name to request it by.</param>
/// <param name="Kind">The kind.</param>
/// <param name="ExecutionProvider">The name of its execution provider in ONNX Runtime.</param>
/// <param name="IsAvailable">Whether the first device of the kind was tested and works.</param>
/// <param name="Reason">The result of the test: why the device cannot be used, or that it can.</param>
/// <param name="IsDefault">Whether <c>Auto</c> selects it on this machine.</param>
/// <param name="Note">The requirements of this kind of device.</param>
public sealed record DeviceInfo(string Name, DeviceKind Kind, string ExecutionProvider, bool IsAvailable, string Reason, bool IsDefault, string Note);
