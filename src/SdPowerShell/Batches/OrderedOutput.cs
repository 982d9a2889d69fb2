namespace SdPowerShell.Batches;

/// <summary>
/// What a command writes for its records, in their order, where it works on them in another one. As long as nothing waits,
/// everything is written at once.
/// </summary>
internal sealed class OrderedOutput
{
    private readonly Queue<OutputTurn> _turns = new();

    /// <summary>The number of outputs that wait.</summary>
    public int Count => _turns.Count;

    /// <summary>Whose turn what is written next is for; null for that of the record that is read.</summary>
    public OutputTurn? Current { get; set; }

    /// <summary>Keeps a place for what is written later, when the work on a record is done.</summary>
    public OutputTurn Reserve()
    {
        OutputTurn turn = new();
        _turns.Enqueue(turn);
        return turn;
    }

    /// <summary>Writes something, or keeps it until it is its turn.</summary>
    /// <param name="write">Writes it.</param>
    public void Write(Action write)
    {
        if (Current is not null)
        {
            Current.Add(write);
        }
        else if (_turns.Count == 0)
        {
            write();
        }
        else
        {
            OutputTurn turn = Reserve();
            turn.Add(write);
            turn.IsDone = true;
        }
    }

    /// <summary>Writes what waits up to the first output whose work is not done.</summary>
    public void Release()
    {
        while (_turns.TryPeek(out OutputTurn? turn) && turn.IsDone)
        {
            _turns.Dequeue();
            turn.Write();
        }
    }

    /// <summary>Writes all that waits, since the pipeline ends: also what is behind an output whose work is not done.</summary>
    public void ReleaseAll()
    {
        while (_turns.TryDequeue(out OutputTurn? turn))
            turn.Write();
    }
}
