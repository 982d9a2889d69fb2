using StableDiffusion.Batches;
using StableDiffusion.Batches.Claims;
using StableDiffusion.Settings;

namespace StableDiffusion.Tests.Batches.Claims;

public sealed class ShardTests
{
    [Theory]
    [InlineData("3/16", 2, 16)]
    [InlineData(" 1 / 1 ", 0, 1)]
    [InlineData("1000000/1000000", 999_999, 1_000_000)]
    public void A_part_is_read(string text, int index, int count) => Assert.Equal(new Shard(index, count), Shard.Read(text, static _ => null));

    [Theory]
    [InlineData("")]
    [InlineData("3")]
    [InlineData("0/4")]
    [InlineData("5/4")]
    [InlineData("-1/4")]
    [InlineData("1/0")]
    [InlineData("1/1000001")]
    [InlineData("1/2/3")]
    [InlineData("1.5/4")]
    [InlineData("Auto")]
    public void What_is_none_is_refused(string text) => Assert.Equal("Shard", Assert.Throws<InvalidSettingException>(() => Shard.Read(text, static _ => null)).Setting);

    [Theory]
    [InlineData("SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=16 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=16", "3/16")]
    [InlineData("SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=31 SLURM_ARRAY_TASK_COUNT=32", "1/32")]
    [InlineData("SLURM_ARRAY_TASK_ID=30 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_MAX=50 SLURM_ARRAY_TASK_STEP=10 SLURM_ARRAY_TASK_COUNT=5", "3/5")]
    [InlineData("PBS_ARRAY_INDEX=16 STABLEDIFFUSION_SHARD_COUNT=16", "1/16")]
    [InlineData("PBS_ARRAY_INDEX=7 STABLEDIFFUSION_SHARD_COUNT=16", "8/16")]
    [InlineData("JOB_COMPLETION_INDEX=0 STABLEDIFFUSION_SHARD_COUNT=4", "1/4")]
    [InlineData("SLURM_ARRAY_TASK_ID= JOB_COMPLETION_INDEX=3 STABLEDIFFUSION_SHARD_COUNT=4", "4/4")]
    public void The_variables_of_array_jobs_say_it(string variables, string part) => Assert.Equal(part, Shard.Read("auto", Of(variables)).ToString());

    [Theory]
    [InlineData("SLURM_ARRAY_TASK_ID=3", "SLURM_ARRAY_TASK_MIN")]
    [InlineData("SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=3", "--array=1-3")]
    [InlineData("SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_COUNT=7", "do not follow")]
    [InlineData("SLURM_ARRAY_TASK_ID=x", "SLURM_ARRAY_TASK_ID is 'x'")]
    [InlineData("PBS_ARRAY_INDEX=3", "STABLEDIFFUSION_SHARD_COUNT")]
    [InlineData("JOB_COMPLETION_INDEX=3", "STABLEDIFFUSION_SHARD_COUNT")]
    [InlineData("JOB_COMPLETION_INDEX=3 STABLEDIFFUSION_SHARD_COUNT=0", "0 tasks")]
    [InlineData("JOB_COMPLETION_INDEX=-3 STABLEDIFFUSION_SHARD_COUNT=2", "JOB_COMPLETION_INDEX is '-3'")]
    public void Variables_that_do_not_say_it_are_named(string variables, string named) => Assert.Contains(named, Assert.Throws<InvalidSettingException>(() => Shard.Read("Auto", Of(variables))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("SLURM_ARRAY_JOB_ID=12 SLURM_ARRAY_TASK_ID=3 SLURM_JOB_ID=15", "Slurm 12_3")]
    [InlineData("SLURM_JOB_ID=15", "Slurm 15")]
    [InlineData("PBS_JOBID=45[2].server", "PBS 45[2].server")]
    [InlineData("JOB_COMPLETION_INDEX=3", "Kubernetes 3")]
    [InlineData("A=b", null)]
    public void The_job_is_known(string variables, string? job) => Assert.Equal(job, ArrayTask.JobOf(Of(variables)));

    [Fact]
    public void Each_row_is_in_one_part_and_the_parts_are_alike()
    {
        const int Parts = 7, Rows = 7000;
        int[] counts = new int[Parts];
        for (int row = 0; row < Rows; row++)
        {
            RequestHash hash = new(new GenerationInfo { Prompt = $"a red house {row}" });
            int part = Assert.Single(Enumerable.Range(0, Parts), index => new Shard(index, Parts).Contains(hash));
            counts[part]++;
        }

        // Of a multinomial distribution: 6 degrees of freedom, one of a million is above.
        const double Expected = (double)Rows / Parts;
        Assert.InRange(counts.Sum(static count => (count - Expected) * (count - Expected) / Expected), 0, 38.3);
    }

    private static Func<string, string?> Of(string variables)
    {
        Dictionary<string, string> values = variables.Split(' ').Select(static pair => pair.Split('=', 2)).ToDictionary(static pair => pair[0], static pair => pair[1], StringComparer.Ordinal);
        return name => values.GetValueOrDefault(name);
    }
}
