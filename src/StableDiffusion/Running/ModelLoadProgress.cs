namespace StableDiffusion.Running;

/// <summary>What is going on while a model is opened for the first time.</summary>
/// <param name="Activity">What is done, such as <c>Opening the U-Net</c>.</param>
/// <param name="Detail">What of it is at hand.</param>
/// <param name="Fraction">How much of it is done, 0 to 1.</param>
/// <param name="Elapsed">How long it has taken.</param>
/// <param name="IsDone">Whether this is the last word on it.</param>
public sealed record ModelLoadProgress(string Activity, string Detail, double Fraction, TimeSpan Elapsed, bool IsDone);
