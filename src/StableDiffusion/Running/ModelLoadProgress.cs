namespace StableDiffusion.Running;

/// <summary>The progress of opening a model for the first time.</summary>
/// <param name="Activity">The activity, such as <c>Opening the U-Net</c>.</param>
/// <param name="Detail">The current part of the activity.</param>
/// <param name="Fraction">The finished part of it, 0 to 1.</param>
/// <param name="Elapsed">The elapsed time.</param>
/// <param name="IsDone">Whether the activity is finished.</param>
public sealed record ModelLoadProgress(string Activity, string Detail, double Fraction, TimeSpan Elapsed, bool IsDone);
