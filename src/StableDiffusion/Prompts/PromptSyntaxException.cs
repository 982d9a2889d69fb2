namespace StableDiffusion.Prompts;

/// <summary>A prompt breaks the rules of its syntax, and was to be read strictly.</summary>
public sealed class PromptSyntaxException : DiffusionException
{
    /// <summary>Makes the error from what a parser found.</summary>
    /// <param name="prompt">The whole prompt.</param>
    /// <param name="diagnostics">What was found in it, by column; at least one.</param>
    /// <exception cref="ArgumentException">There is no diagnostic.</exception>
    public PromptSyntaxException(string prompt, IReadOnlyList<PromptDiagnostic> diagnostics)
        : base(Describe(diagnostics))
    {
        ArgumentNullException.ThrowIfNull(prompt);

        Prompt = prompt;
        Diagnostics = diagnostics;
    }

    /// <summary>The whole prompt.</summary>
    public string Prompt { get; }

    /// <summary>All that was found, by column.</summary>
    public IReadOnlyList<PromptDiagnostic> Diagnostics { get; }

    /// <summary>The 1-based column of the first fault.</summary>
    public int Column => Diagnostics[0].Column;

    private static string Describe(IReadOnlyList<PromptDiagnostic> diagnostics)
    {
        ArgumentNullException.ThrowIfNull(diagnostics);
        if (diagnostics.Count == 0)
        {
            throw new ArgumentException("A prompt without a diagnostic has no syntax error.", nameof(diagnostics));
        }

        string more = diagnostics.Count switch
        {
            1 => "",
            2 => " (There is one more fault after it.)",
            int count => $" (There are {count - 1} more faults after it.)",
        };
        return $"The prompt has a fault at column {diagnostics[0].Column}: {diagnostics[0].Message}{more}";
    }
}
