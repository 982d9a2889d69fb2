namespace StableDiffusion.Prompts.Templates;

/// <summary>A prompt that was made from a template, with what was drawn.</summary>
/// <param name="Prompt">The prompt.</param>
/// <param name="Template">The template.</param>
/// <param name="Values">What was drawn: the text for each wildcard and variable by its name, and for each pair of braces by its number in the template, from 1. What is drawn again under a name has the number of the draw behind it, from 2.</param>
/// <param name="Index">The number of the prompt, from 0.</param>
/// <param name="TemplateSeed">The seed of the random choices.</param>
public sealed record ExpandedPrompt(string Prompt, string Template, IReadOnlyDictionary<string, string> Values, long Index, long TemplateSeed)
{
    /// <inheritdoc/>
    public override string ToString() => Prompt;
}
