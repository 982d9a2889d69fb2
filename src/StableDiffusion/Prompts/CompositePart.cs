namespace StableDiffusion.Prompts;

/// <summary>One of the prompts that <c>AND</c> joins.</summary>
/// <param name="Text">The prompt, which may hold schedules and emphasis; white space in front of it is kept.</param>
/// <param name="Weight">What its difference to the negative prompt is multiplied by; 1 unless given, may be negative.</param>
/// <param name="Start">The index in the whole prompt of its first character; it stands there as it is.</param>
public sealed record CompositePart(string Text, double Weight, int Start);
