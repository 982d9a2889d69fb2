namespace StableDiffusion.Prompts;

/// <summary>Collects the diagnostics of a parser; without a target it costs nothing.</summary>
/// <param name="target">The collection that receives them, or null.</param>
internal struct DiagnosticSink(ICollection<PromptDiagnostic>? target)
{
    /// <summary>No one reads more, and a megabyte of brackets would produce a million.</summary>
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
