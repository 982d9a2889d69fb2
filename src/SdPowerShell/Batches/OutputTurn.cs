namespace SdPowerShell.Batches;

/// <summary>The place of an output among those of other records, and what there is to write.</summary>
internal sealed class OutputTurn
{
    private readonly List<Action> _writes = [];

    /// <summary>Whether the work on it is done.</summary>
    public bool IsDone { get; set; }

    /// <summary>Adds something to write.</summary>
    /// <param name="write">Writes it.</param>
    public void Add(Action write) => _writes.Add(write);

    /// <summary>Writes it all.</summary>
    public void Write()
    {
        foreach (Action write in _writes)
            write();
    }
}
