namespace StableDiffusion.Prompts;

/// <summary>A prompt contains questionable syntax and was to be checked strictly.</summary>
public sealed class PromptSyntaxException : DiffusionException
{
    /// <summary>Initializes the error from the findings of a parser.</summary>
    /// <param name="prompt">The whole prompt.</param>
    /// <param name="diagnostics">The findings by column; at least one.</param>
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

    /// <summary>All findings by column.</summary>
    public IReadOnlyList<PromptDiagnostic> Diagnostics { get; }

    /// <summary>The 1-based column of the first finding.</summary>
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
