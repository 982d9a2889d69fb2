namespace StableDiffusion.Prompts;

/// <summary>One of the prompts that are joined by <c>AND</c>.</summary>
/// <param name="Text">The prompt, which may contain schedules and emphasis; leading white space is kept.</param>
/// <param name="Weight">The factor of its difference to the negative prompt; 1 by default, may be negative.</param>
/// <param name="Start">The index of its first character in the whole prompt.</param>
internal sealed record CompositePart(string Text, double Weight, int Start);
