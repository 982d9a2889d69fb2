namespace StableDiffusion.Fuzz;

/// <summary>What a reader did with a case.</summary>
internal enum CaseKind
{
    /// <summary>It was read.</summary>
    Accepted,

    /// <summary>It was refused by a typed error.</summary>
    Refused,

    /// <summary>It was refused by an error that is not typed.</summary>
    Untyped,

    /// <summary>A text for the user has control characters, half characters, or no end.</summary>
    Message,

    /// <summary>It took more memory than any case may.</summary>
    Memory,

    /// <summary>It took longer than any case may, or did not end.</summary>
    Hang,

    /// <summary>It ended the process.</summary>
    Crash,
}

/// <summary>What a reader did with a case.</summary>
/// <param name="Kind">The kind of the result.</param>
/// <param name="Detail">The error or the text at fault.</param>
/// <param name="Site">What identifies the fault, so that its cases are counted as one.</param>
internal sealed record CaseResult(CaseKind Kind, string Detail = "", string Site = "")
{
    /// <summary>Whether it is a fault of the reader.</summary>
    public bool IsFault => Kind > CaseKind.Refused;
}
