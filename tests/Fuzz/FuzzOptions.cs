using System.Globalization;

namespace StableDiffusion.Fuzz;

/// <summary>The command line of a run.</summary>
internal sealed record FuzzOptions
{
    /// <summary>The seed of the cases.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>How long each target is run.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many targets are run at once.</summary>
    public int Jobs { get; init; } = Environment.ProcessorCount;

    /// <summary>The targets to run.</summary>
    public IReadOnlyList<FuzzTarget> Targets { get; init; } = FuzzTargets.All;

    /// <summary>Whether the table of the document is replaced.</summary>
    public bool Write { get; init; }

    /// <summary>Reads a command line.</summary>
    /// <exception cref="ArgumentException">It is not one of a run.</exception>
    /// <exception cref="FormatException">A number is not one.</exception>
    public static FuzzOptions Parse(ReadOnlySpan<string> arguments)
    {
        FuzzOptions options = new();
        while (!arguments.IsEmpty)
        {
            int taken = 2;
            switch (arguments)
            {
                case ["--write", ..]:
                    options = options with { Write = true };
                    taken = 1;
                    break;
                case ["--minutes", string minutes, ..]:
                    options = options with { Time = TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)) };
                    break;
                case ["--seed", string seed, ..]:
                    options = options with { Seed = long.Parse(seed, CultureInfo.InvariantCulture) };
                    break;
                case ["--jobs", string jobs, ..]:
                    options = options with { Jobs = int.Parse(jobs, CultureInfo.InvariantCulture) };
                    break;
                case ["--target", string names, ..]:
                    options = options with { Targets = [.. names.Split(',').Select(FuzzTargets.Find)] };
                    break;
                default:
                    throw new ArgumentException($"'{arguments[0]}' is not an option, or has no value.");
            }

            arguments = arguments[taken..];
        }

        return options;
    }
}
