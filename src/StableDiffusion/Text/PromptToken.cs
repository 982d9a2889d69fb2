namespace StableDiffusion.Text;

/// <summary>A token of the prompt itself, as it was encoded.</summary>
/// <param name="Text">The readable text of the token.</param>
/// <param name="Id">Its id in the vocabulary.</param>
/// <param name="Weight">Its weight; 1 unless the prompt says otherwise.</param>
/// <param name="Chunk">The index of its chunk of 77 tokens.</param>
public sealed record PromptToken(string Text, int Id, double Weight, int Chunk);
