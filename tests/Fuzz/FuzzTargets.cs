using StableDiffusion.Fuzz.Targets;

namespace StableDiffusion.Fuzz;

/// <summary>All targets: a reader of files or texts of others that the engine has is to be among them.</summary>
public static class FuzzTargets
{
    /// <summary>The targets in the order of the fault table.</summary>
    internal static IReadOnlyList<FuzzTarget> All { get; } =
        [.. TensorTargets.All(), .. StateTargets.All(), .. GraphTargets.All(), .. ConfigTargets.All(), .. ImageTargets.All(), .. TextTargets.All()];

    /// <summary>The names of all targets.</summary>
    public static IEnumerable<string> Names => All.Select(static target => target.Name);

    /// <summary>The names of the targets that can be run within a process of tests.</summary>
    public static IEnumerable<string> ManagedNames => All.Where(static target => !target.IsNative).Select(static target => target.Name);

    /// <summary>Runs a fixed number of cases, and before them those that have shown a fault before.</summary>
    /// <param name="name">The name of a target.</param>
    /// <param name="seed">The seed of the cases.</param>
    /// <param name="count">The number of the cases.</param>
    /// <returns>The faults; none is expected.</returns>
    public static IReadOnlyList<string> Run(string name, long seed, int count)
    {
        FuzzTarget target = Find(name);
        List<string> faults = [.. target.Corpus.Index().Where(valid => CaseRunner.Run(target, valid.Item).Kind != CaseKind.Accepted).Select(valid => $"{target.Name}: the valid case {valid.Index} is not accepted: {CaseRunner.Run(target, valid.Item)}")];
        foreach (string file in CaseFiles.Committed(target))
            Add(File.ReadAllBytes(file), Path.GetFileName(file));
        for (int index = 0; index < count; index++)
            Add(target.Create(seed, index), $"seed {seed}, case {index}");
        return faults;

        void Add(byte[] data, string what)
        {
            CaseResult result = CaseRunner.Run(target, data);
            if (result.IsFault)
                faults.Add($"{target.Name}, {what}: {result.Kind}: {result.Detail}");
        }
    }

    /// <summary>Finds a target.</summary>
    internal static FuzzTarget Find(string name) => All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"There is no target '{name}'. There are {string.Join(", ", Names)}.", nameof(name));
}
