using System.Globalization;

namespace StableDiffusion.Batches.Claims;

/// <summary>The task of an array job that this process is, as the scheduler's variables say.</summary>
/// <param name="Scheduler">The scheduler.</param>
/// <param name="Index">The index of the task, from 0.</param>
/// <param name="Count">The number of tasks; null if the scheduler does not say.</param>
internal sealed record ArrayTask(string Scheduler, long Index, long? Count)
{
    /// <summary>The variable with the number of tasks, for schedulers that do not say it.</summary>
    public const string CountVariable = "STABLEDIFFUSION_SHARD_COUNT";

    /// <summary>Finds the task.</summary>
    /// <param name="variable">Gives the value of an environment variable; null if it is not set.</param>
    /// <returns>The task; null if the process is none.</returns>
    /// <exception cref="InvalidSettingException">The variables contradict each other, or the tasks of a list do not follow each other.</exception>
    public static ArrayTask? Find(Func<string, string?> variable)
    {
        if (Read("SLURM_ARRAY_TASK_ID") is long task)
            return OfSlurm(task);
        long? count = Read(CountVariable);
        if (Read("PBS_ARRAY_INDEX") is long index)
            return new ArrayTask("PBS", index, count);
        return Read("JOB_COMPLETION_INDEX") is long completion ? new ArrayTask("Kubernetes", completion, count) : null;

        long? Read(string name)
        {
            if (variable(name) is not { Length: > 0 } text)
                return null;
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : throw Shard.Refuse($"the variable {name} is '{PrintableText.Of(text, Shard.LongestShown)}', which is not a whole number");
        }

        // Source: sbatch(1), output environment variables.
        ArrayTask OfSlurm(long index)
        {
            long first = Read("SLURM_ARRAY_TASK_MIN") ?? throw Missing("MIN"), last = Read("SLURM_ARRAY_TASK_MAX") ?? throw Missing("MAX");
            long step = Math.Max(Read("SLURM_ARRAY_TASK_STEP") ?? 1, 1), tasks = Read("SLURM_ARRAY_TASK_COUNT") ?? throw Missing("COUNT");
            if (index < first || index > last || (index - first) % step != 0 || (last - first) / step + 1 != tasks)
                throw Shard.Refuse($"the array of Slurm has {tasks} tasks from {first} to {last}, which do not follow each other at the distance {step}. Submit a range, such as --array=1-{tasks}");
            return new ArrayTask("Slurm", (index - first) / step, tasks);
        }

        static InvalidSettingException Missing(string name) => Shard.Refuse($"the variable SLURM_ARRAY_TASK_{name} is not set");
    }

    /// <summary>The job that this process belongs to, in words; null for none.</summary>
    /// <param name="variable">As for <see cref="Find"/>.</param>
    public static string? JobOf(Func<string, string?> variable)
    {
        string? text = (variable("SLURM_ARRAY_JOB_ID"), variable("SLURM_JOB_ID"), variable("PBS_JOBID"), variable("JOB_COMPLETION_INDEX")) switch
        {
            ({ Length: > 0 } array, _, _, _) => $"Slurm {array}_{variable("SLURM_ARRAY_TASK_ID")}",
            (_, { Length: > 0 } job, _, _) => $"Slurm {job}",
            (_, _, { Length: > 0 } job, _) => $"PBS {job}",
            (_, _, _, { Length: > 0 } index) => $"Kubernetes {index}",
            _ => null,
        };
        return text is null ? null : PrintableText.Of(text, Shard.LongestShown);
    }
}
