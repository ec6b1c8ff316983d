"""All SQL of transcoding jobs: of the jobs themselves, of the parts that workers encode, of their turns."""
