namespace StableDiffusion.Text;

/// <summary>One of a prompt's own tokens as it was encoded.</summary>
/// <param name="Text">The token as a person reads it.</param>
/// <param name="Id">Its number in the vocabulary.</param>
/// <param name="Weight">Its weight; 1 unless the prompt says otherwise.</param>
/// <param name="Chunk">Which stretch of 77 tokens it lies in, from 0.</param>
public sealed record PromptToken(string Text, int Id, double Weight, int Chunk);
