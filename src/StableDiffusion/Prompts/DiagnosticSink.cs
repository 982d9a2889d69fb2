namespace StableDiffusion.Prompts;

/// <summary>Takes a parser's diagnostics; costs nothing where nobody asked for them.</summary>
/// <param name="target">Who asked, or null.</param>
internal struct DiagnosticSink(ICollection<PromptDiagnostic>? target)
{
    /// <summary>Nobody reads more, and a megabyte of brackets would give a million.</summary>
    public const int MaxCount = 100;

    private int _count;

    public void Add(int index, string message)
    {
        if (target is not null && _count < MaxCount)
        {
            _count++;
            target.Add(new PromptDiagnostic(index + 1, message));
        }
    }
}
