namespace StableDiffusion.Onnx;

/// <summary>A kind of device, and whether it can be used here.</summary>
/// <param name="Name">The name to ask for it by.</param>
/// <param name="Kind">The kind.</param>
/// <param name="ExecutionProvider">ONNX Runtime's name of the provider behind it.</param>
/// <param name="IsAvailable">Whether the first device of the kind has been tried, and works.</param>
/// <param name="Reason">What the trial has shown: why the device cannot be used here, or that it can.</param>
/// <param name="IsDefault">Whether <c>Auto</c> takes it here.</param>
/// <param name="Note">What a device of the kind needs.</param>
public sealed record DeviceInfo(string Name, DeviceKind Kind, string ExecutionProvider, bool IsAvailable, string Reason, bool IsDefault, string Note);
