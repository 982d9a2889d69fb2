namespace StableDiffusion.Onnx;

/// <summary>A kind of device, and whether the ONNX Runtime in use offers it.</summary>
/// <param name="Name">The name to ask for it by.</param>
/// <param name="Kind">The kind.</param>
/// <param name="ExecutionProvider">ONNX Runtime's name of the provider behind it.</param>
/// <param name="IsAvailable">Whether this build of ONNX Runtime has the provider.</param>
/// <param name="IsDefault">Whether <c>Auto</c> takes it here.</param>
/// <param name="Note">What it needs, or what to install where it is missing.</param>
public sealed record DeviceInfo(string Name, DeviceKind Kind, string ExecutionProvider, bool IsAvailable, bool IsDefault, string Note);
