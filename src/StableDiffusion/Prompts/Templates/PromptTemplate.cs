namespace StableDiffusion.Prompts.Templates;

/// <summary>
/// A prompt with parts that are drawn: <c>{red|blue}</c>, <c>{2$$a|b|c}</c>, <c>__animal__</c>, <c>${x=…}</c>. The syntax is that of
/// Dynamic Prompts (docs/SYNTAX.md of sd-dynamic-prompts).
/// </summary>
public sealed class PromptTemplate
{
    private const int LongestTemplate = 1 << 20;

    private readonly TemplateNode _root;
    private readonly Wildcards _wildcards;

    /// <summary>Reads a template.</summary>
    /// <param name="text">The template, at most 1,048,576 characters long.</param>
    /// <param name="wildcards">The lists for its wildcards.</param>
    /// <exception cref="InvalidSettingException">A brace or bracket is not closed, a name is missing, or the template is too long or nested too deeply.</exception>
    public PromptTemplate(string text, Wildcards wildcards)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(wildcards);
        if (text.Length > LongestTemplate)
            throw new InvalidSettingException("Prompt", $"The template has {text.Length} characters, more than {LongestTemplate}. Put long lists into files of wildcards.");
        (Text, _wildcards, _root) = (text, wildcards, new TemplateParser(text).Parse());
    }

    /// <summary>The template.</summary>
    public string Text { get; }

    /// <summary>One prompt, drawn at random by weight. It depends on the template, the lists, the seed and the number alone.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="index">The number of the prompt, from 0.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="InvalidSettingException">A variable is not set, refers to itself, or the prompt becomes too long.</exception>
    /// <exception cref="WildcardNotFoundException">There is no list for a wildcard.</exception>
    public ExpandedPrompt Draw(long seed, long index, CancellationToken cancellationToken = default)
    {
        TemplateSampler sampler = new(_wildcards, new TemplateRandom(Text, seed, index), cancellationToken) { Index = index };
        return Finish(sampler.Draw(_root, TemplateScope.Of(DrawMethod.Random)), index, seed);
    }

    /// <summary>All prompts, one after another, made when they are asked for. Weights do not matter, apart from parts that are marked as random (<c>~</c>).</summary>
    /// <param name="seed">The seed for parts that are random.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <returns>The prompts in the order of the template: the last part changes fastest.</returns>
    /// <inheritdoc cref="Draw"/>
    public IEnumerable<ExpandedPrompt> All(long seed, CancellationToken cancellationToken = default)
    {
        TemplateSampler sampler = new(_wildcards, new TemplateRandom(Text, seed, -1), cancellationToken);
        foreach (DrawnText drawn in sampler.All(_root, TemplateScope.Of(DrawMethod.All)))
        {
            yield return Finish(drawn, sampler.Index, seed);
            sampler.Index++;
        }
    }

    private ExpandedPrompt Finish(DrawnText drawn, long index, long seed)
    {
        Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);
        Dictionary<string, int> counts = new(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string text) in drawn.Picks)
        {
            int count = counts[name] = counts.GetValueOrDefault(name) + 1;
            values[count == 1 ? name : $"{name}#{count}"] = text.Trim();
        }

        // In a template of several lines, the line breaks and indents are for the reader.
        string prompt = Text.Contains('\n', StringComparison.Ordinal) ? string.Join(' ', drawn.Text.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries)) : drawn.Text;
        return new ExpandedPrompt(prompt, Text, values, index, seed);
    }
}
