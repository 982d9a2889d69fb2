namespace StableDiffusion.Batches.Claims;

/// <summary>Another process took an image over while this one was suspended. It is no error: the other one makes the image.</summary>
/// <param name="message">Which image.</param>
internal sealed class ClaimLostException(string message) : Exception(message);
