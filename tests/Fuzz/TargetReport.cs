namespace StableDiffusion.Fuzz;

/// <summary>What a run found out about a target.</summary>
/// <param name="Target">The name of the target.</param>
internal sealed record TargetReport(string Target)
{
    /// <summary>The number of cases that were read.</summary>
    public long Accepted { get; set; }

    /// <summary>The number of cases that were refused by a typed error.</summary>
    public long Refused { get; set; }

    /// <summary>The number of cases by the kind of their fault.</summary>
    public Dictionary<CaseKind, long> Faults { get; } = [];

    /// <summary>The places of the faults, with a case of each.</summary>
    public Dictionary<string, string> Sites { get; } = new(StringComparer.Ordinal);

    /// <summary>The processor time of the slowest case.</summary>
    public TimeSpan Slowest { get; set; }

    /// <summary>The most memory that the process had, in bytes.</summary>
    public long PeakMemory { get; set; }

    /// <summary>The number of cases that were tried.</summary>
    public long Cases => Accepted + Refused + Faults.Values.Sum();

    /// <summary>Counts a fault.</summary>
    public void Add(CaseKind kind, string site, string path)
    {
        Faults[kind] = Faults.GetValueOrDefault(kind) + 1;
        if (path.Length > 0)
            Sites.TryAdd($"{kind}: {site}", path);
    }
}
