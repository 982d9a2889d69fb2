namespace StableDiffusion.Running;

/// <summary>Counts who uses each part of a model, so that only parts that nobody uses are closed. Thread-safe.</summary>
internal sealed class PartUses
{
    private readonly Lock _lock = new();
    private readonly int[] _counts = new int[Enum.GetValues<ModelPart>().Length];

    /// <summary>Keeps a part from being closed.</summary>
    /// <param name="part">The part.</param>
    /// <returns>Dispose it after the use.</returns>
    public IDisposable Begin(ModelPart part)
    {
        lock (_lock)
            _counts[(int)part]++;
        return new Use(this, part);
    }

    /// <summary>Takes away the parts that nobody uses, at a moment when no use begins.</summary>
    /// <param name="take">Takes a part away; it is called for each that is not in use.</param>
    public void TakeUnused(Action<ModelPart> take)
    {
        lock (_lock)
        {
            foreach (ModelPart part in Enum.GetValues<ModelPart>())
            {
                if (_counts[(int)part] == 0)
                    take(part);
            }
        }
    }

    private void End(ModelPart part)
    {
        lock (_lock)
            _counts[(int)part]--;
    }

    private sealed class Use(PartUses uses, ModelPart part) : IDisposable
    {
        private PartUses? _uses = uses;

        public void Dispose() => Interlocked.Exchange(ref _uses, null)?.End(part);
    }
}
